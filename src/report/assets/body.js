// The surface of a worm at any time, and how active the muscle under each of its corners is. Lengths in mm.

const RINGS = 97, SIDES = 16;

/** Angles of the quadrants DL, DR, VL, VR around the midline: 0 at the back, above zero to the right. */
const QUADRANTS = [-0.25, 0.25, -0.75, 0.75].map(part => part * Math.PI);

class Body {
  constructor(run) {
    this.run = run;
    const { surface } = run;
    if (surface.kind === "cuticle") {
      this.positions_ = unpack(surface.positions);
      const places = unpack(surface.places).values;
      this.count = places.length / 2;
      this.triangles = Uint16Array.from(unpack(surface.triangles).values);
      this.bands(i => [places[2 * i], places[2 * i + 1]]);
    } else {
      this.count = RINGS * SIDES + 2;
      this.triangles = tubeTriangles();
      this.bands(i => i < RINGS * SIDES
        ? [Math.floor(i / SIDES) / (RINGS - 1), 2 * Math.PI * (i % SIDES) / SIDES] : [i - RINGS * SIDES, 0]);
    }
    this.positions = new Float32Array(3 * this.count);
    this.normals = new Float32Array(3 * this.count);
    this.activation = new Float32Array(this.count);
  }

  /** For every corner the two muscles between whose middles it lies, and their shares; none along the four seams. */
  bands(placeOf) {
    const number = new Map();
    (this.run.muscles?.places ?? []).forEach((place, muscle) => place && number.set(`${place}`, muscle));
    this.under = Array.from({ length: this.count }, (_, i) => {
      const [along, angle] = placeOf(i);
      const turned = QUADRANTS.map(middle => Math.abs(Math.atan2(Math.sin(angle - middle), Math.cos(angle - middle))));
      const quadrant = turned.indexOf(Math.min(...turned));
      const share = Math.pow(Math.max(0, Math.cos(2 * turned[quadrant])), 0.5);
      const row = Math.min(23, Math.max(0, 24 * along - 0.5));
      const [first, second] = [Math.floor(row), Math.min(23, Math.floor(row) + 1)];
      return [number.get(`${quadrant},${first}`) ?? -1, number.get(`${quadrant},${second}`) ?? -1, row - first, share];
    });
  }

  at(time) {
    if (this.positions_) this.cuticle(time); else this.tube(time);
    this.light();
    const { activation } = this.run;
    if (activation) {
      const width = activation.shape[1], { before, after, part } = between(this.run.time, time);
      const of = muscle => muscle < 0 ? 0 :
        activation.values[before * width + muscle] * (1 - part) + activation.values[after * width + muscle] * part;
      this.under.forEach(([first, second, step, share], i) => {
        this.activation[i] = share * (of(first) * (1 - step) + of(second) * step);
      });
    }
    return this;
  }

  cuticle(time) {
    const { values } = this.positions_, size = 3 * this.count;
    const { before, after, part } = between(this.run.surface.times, time);
    for (let i = 0; i < size; i++)
      this.positions[i] = MM * (values[before * size + i] * (1 - part) + values[after * size + i] * part);
  }

  tube(time) {
    const points = midlineAt(this.run, time), last = points.length - 1, { radius } = this.run.surface;
    const put = (i, p) => { for (let k = 0; k < 3; k++) this.positions[3 * i + k] = p[k]; };
    for (let ring = 0; ring < RINGS; ring++) {
      const place = ring / (RINGS - 1) * last, i = Math.min(last - 1, Math.floor(place)), t = place - i;
      const [a, b, c, d] = [points[Math.max(0, i - 1)], points[i], points[i + 1], points[Math.min(last, i + 2)]];
      // Catmull and Rom's spline, and which way it goes, from tail to head.
      const p = [0, 1, 2].map(k => 0.5 * (2 * b[k] + (c[k] - a[k]) * t + (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t * t
        + (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t * t * t));
      const ahead = [0, 1, 2].map(k => -0.5 * (c[k] - a[k] + 2 * (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t
        + 3 * (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t * t));
      const size = Math.hypot(...ahead) || 1, flat = Math.hypot(ahead[0], ahead[1]) || 1;
      const back = [-ahead[1] / flat, ahead[0] / flat, 0];
      const right = [-ahead[2] * back[1], ahead[2] * back[0], ahead[0] * back[1] - ahead[1] * back[0]].map(x => x / size);
      const thick = MM * (radius[i] * (1 - t) + radius[i + 1] * t);
      for (let side = 0; side < SIDES; side++) {
        const angle = 2 * Math.PI * side / SIDES, [u, v] = [thick * Math.cos(angle), thick * Math.sin(angle)];
        put(ring * SIDES + side, p.map((x, k) => x + u * back[k] + v * right[k]));
      }
      if (ring === 0 || ring === RINGS - 1) {
        const out = ring === 0 ? thick : -thick;
        put(RINGS * SIDES + (ring ? 1 : 0), p.map((x, k) => x + out * ahead[k] / size));
      }
    }
  }

  light() {
    const { positions: p, normals: n, triangles } = this;
    n.fill(0);
    for (let i = 0; i < triangles.length; i += 3) {
      const [a, b, c] = [3 * triangles[i], 3 * triangles[i + 1], 3 * triangles[i + 2]];
      const [ux, uy, uz] = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
      const [vx, vy, vz] = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
      const [x, y, z] = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
      for (const corner of [a, b, c]) { n[corner] += x; n[corner + 1] += y; n[corner + 2] += z; }
    }
  }
}

function midlineAt({ midline, time: times }, time) {
  const { values, shape: [, width] } = midline, { before, after, part } = between(times, time);
  return Array.from({ length: width / 3 }, (_, i) => [0, 1, 2].map(k =>
    MM * (values[before * width + 3 * i + k] * (1 - part) + values[after * width + 3 * i + k] * part)));
}

function tubeTriangles() {
  const found = [];
  for (let ring = 0; ring + 1 < RINGS; ring++)
    for (let side = 0; side < SIDES; side++) {
      const [a, b] = [ring * SIDES + side, ring * SIDES + (side + 1) % SIDES];
      found.push(a, b, b + SIDES, a, b + SIDES, a + SIDES);
    }
  for (let side = 0; side < SIDES; side++) {
    const next = (side + 1) % SIDES, last = (RINGS - 1) * SIDES;
    found.push(RINGS * SIDES, next, side, RINGS * SIDES + 1, last + side, last + next);
  }
  return Uint16Array.from(found);
}
