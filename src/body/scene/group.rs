//! Sixteen movers of a scene side by side, with what they need of their neighbours.
//!
//! Neighbour n of all of them stands in one row of numbers, so that a sum over neighbours runs down the rows for sixteen
//! movers at once, in the order of their neighbours: every vector width gives the same bits. A row that is read as a
//! whole has been written number by number well before: a processor waits where both come at once.

use crate::body::particles::Vec3;
use crate::parallel::CHUNK;

/// Neighbours that a particle keeps.
pub const MOST: usize = 32;

/// Movers of a group: the f32 of the widest registers.
pub const SIDE: usize = 16;

// Tasks take whole groups.
const _: () = assert!(CHUNK.is_multiple_of(SIDE));

/// A number of each mover of a group.
pub type Side = [f32; SIDE];

/// Room for `N` numbers of each neighbour of a group.
pub type Copied<const N: usize> = [[[f32; N]; SIDE]; MOST];

/// The neighbours of the movers `SIDE · g` to `SIDE · g + SIDE − 1`. Places beyond a mover's last neighbour hold the mover
/// itself at distance h, where all smoothing functions are zero; those of movers that there are not hold mover 0.
/// Lengths are in the file's unit. What does not serve all rounds of pressure is not kept: groups of a worm just fit a
/// core's cache.
#[derive(Debug, Clone)]
pub struct Group {
    /// Who they are: below the number of movers a mover, from there on a place in `Pairs::near_walls`.
    pub partner: [[u32; SIDE]; MOST],
    /// From them to the mover, along x, y and z.
    pub away: [[Side; MOST]; 3],
    /// (h − r)²/r of each, r how far it is; that of very near ones negative, which marks them.
    pub weight: [Side; MOST],
    /// How many there are.
    pub count: [u32; SIDE],
    /// The largest of these counts.
    pub most: usize,
    /// Whether any of them is of the boundary.
    pub at_the_wall: [bool; SIDE],
}

impl Group {
    /// A group without neighbours.
    pub const EMPTY: Self = Self {
        partner: [[0; SIDE]; MOST],
        away: [[[0.0; SIDE]; MOST]; 3],
        weight: [[0.0; SIDE]; MOST],
        count: [0; SIDE],
        most: 0,
        at_the_wall: [false; SIDE],
    };

    /// The neighbours of its mover number `lane`.
    pub fn partners(&self, lane: usize) -> impl Iterator<Item = usize> + '_ {
        self.partner[..self.count[lane] as usize].iter().map(move |row| row[lane] as usize)
    }

    /// Puts what `of` holds for every neighbour beside each other, number by number.
    ///
    /// In two moves: all numbers of a neighbour are copied at once, and sorted in long loops after that.
    #[inline(always)]
    pub fn gather<const N: usize>(&self, of: &[[f32; N]], copied: &mut Copied<N>, to: &mut [[Side; MOST]; N]) {
        for (to, partners) in copied.iter_mut().zip(&self.partner[..self.most]) {
            for (to, j) in to.iter_mut().zip(partners) {
                *to = of[*j as usize];
            }
        }
        let copied = copied[..self.most].as_flattened();
        for (part, to) in to.iter_mut().enumerate() {
            for (to, copied) in to.as_flattened_mut().iter_mut().zip(copied) {
                *to = copied[part];
            }
        }
    }
}

/// The numbers of the first movers of a list, side by side; where it ends before a group does, zeros.
#[inline(always)]
pub fn beside<const N: usize>(of: &[[f32; N]]) -> [Side; N] {
    let mut side = [[0.0; SIDE]; N];
    for (lane, of) in of.iter().take(SIDE).enumerate() {
        for part in 0..N {
            side[part][lane] = of[part];
        }
    }
    side
}

/// What stands side by side, for one mover.
pub fn vector(parts: &[Side; 3], lane: usize) -> Vec3 {
    Vec3::new(f64::from(parts[0][lane]), f64::from(parts[1][lane]), f64::from(parts[2][lane]))
}
