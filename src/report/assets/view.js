// One canvas of WebGL 2: a lit mesh, its shadow on the floor, the floor's grid and the way that was gone. Lengths in mm.

const BODY_VERTEX = `#version 300 es
uniform mat4 camera;
uniform float floorAt;
uniform bool shadow;
in vec3 position, normal;
in float activation;
out vec3 facing, at;
out float pull;
void main() {
  vec3 p = position;
  if (shadow) { p.xy -= 0.35 * (p.z - floorAt) * vec2(0.6, 0.8); p.z = floorAt; }
  facing = normal; pull = activation; at = p;
  gl_Position = camera * vec4(p, 1.0);
}`;

const BODY_FRAGMENT = `#version 300 es
precision highp float;
uniform vec3 eye;
uniform bool shadow;
in vec3 facing, at;
in float pull;
out vec4 colour;
void main() {
  if (shadow) { colour = vec4(0.84, 0.82, 0.78, 1.0); return; }
  vec3 n = normalize(facing), toEye = normalize(eye - at);
  if (dot(n, toEye) < 0.0) n = -n;
  vec3 rest = vec3(0.91, 0.875, 0.805), middle = vec3(0.94, 0.627, 0.294), full = vec3(0.71, 0.07, 0.106);
  float a = clamp(pull, 0.0, 1.0);
  vec3 base = a < 0.5 ? mix(rest, middle, 2.0 * a) : mix(middle, full, 2.0 * a - 1.0);
  vec3 light = normalize(vec3(0.35, 0.5, 0.9));
  float lit = 0.76 + 0.26 * dot(n, light) + 0.04 * n.z;
  float shine = pow(max(dot(n, normalize(light + toEye)), 0.0), 40.0);
  float rim = pow(1.0 - max(dot(n, toEye), 0.0), 3.0);
  colour = vec4(base * lit + 0.14 * shine - 0.14 * rim, 1.0);
}`;

const LINE_VERTEX = `#version 300 es
uniform mat4 camera;
in vec3 position;
void main() { gl_Position = camera * vec4(position, 1.0); }`;

const LINE_FRAGMENT = `#version 300 es
precision mediump float;
uniform vec4 ink;
out vec4 colour;
void main() { colour = ink; }`;

class View {
  /** Null in a browser without WebGL 2. */
  static on(canvas) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: !View.inSoftware() });
    return gl && new View(canvas, gl);
  }

  /** Whether there is no graphics card, so that smooth edges would cost two thirds of the frames. */
  static inSoftware() {
    const gl = document.createElement("canvas").getContext("webgl2");
    const told = gl?.getExtension("WEBGL_debug_renderer_info");
    const found = told && /swiftshader|llvmpipe|software/i.test(gl.getParameter(told.UNMASKED_RENDERER_WEBGL));
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
    return Boolean(found);
  }

  constructor(canvas, gl) {
    Object.assign(this, { canvas, gl, groups: [], fineness: 1 });
    this.body = this.program(BODY_VERTEX, BODY_FRAGMENT);
    this.line = this.program(LINE_VERTEX, LINE_FRAGMENT);
    gl.enable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.clearColor(0.945, 0.933, 0.906, 1);
  }

  program(...sources) {
    const { gl } = this;
    const program = gl.createProgram();
    [gl.VERTEX_SHADER, gl.FRAGMENT_SHADER].forEach((kind, i) => {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, sources[i]);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    });
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getAttachedShaders(program).map(shader => gl.getShaderInfoLog(shader)).join("\n"));
    program.at = Object.fromEntries(Array.from({ length: gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) }, (_, i) => {
      const { name } = gl.getActiveUniform(program, i);
      return [name, gl.getUniformLocation(program, name)];
    }));
    return program;
  }

  /** Buffers that a program reads its attributes from: [name, numbers each]. */
  arrays(program, attributes) {
    const { gl } = this;
    const vertices = gl.createVertexArray();
    gl.bindVertexArray(vertices);
    const buffers = attributes.map(([name, size]) => {
      const buffer = gl.createBuffer();
      const place = gl.getAttribLocation(program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      if (place >= 0) {
        gl.enableVertexAttribArray(place);
        gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
      }
      return buffer;
    });
    return { vertices, buffers };
  }

  setMesh(triangles) {
    const { gl } = this;
    this.mesh = this.arrays(this.body, [["position", 3], ["normal", 3], ["activation", 1]]);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
    this.corners = triangles.length;
  }

  /** Lines that stay: `mode` of WebGL, points, and ink. */
  addLines(mode, points, ink) {
    const { gl } = this;
    const { vertices, buffers: [buffer] } = this.arrays(this.line, [["position", 3]]);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW);
    const group = { vertices, mode, ink, count: points.length / 3 };
    this.groups.push(group);
    return group;
  }

  /** Whether the canvas had another size before. */
  fit() {
    const { canvas } = this;
    const ratio = Math.min(window.devicePixelRatio || 1, 2) * this.fineness;
    const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio].map(Math.round);
    if (!width || (canvas.width === width && canvas.height === height)) return false;
    Object.assign(canvas, { width, height });
    return true;
  }

  draw({ positions, normals, activation }, camera, target, floorAt) {
    const { gl, canvas } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const { matrix, eye } = camera.matrix(target, canvas.width / Math.max(canvas.height, 1));
    gl.useProgram(this.line);
    gl.uniformMatrix4fv(this.line.at.camera, false, matrix);
    gl.depthMask(false);
    for (const { vertices, mode, ink, count } of this.groups) {
      gl.bindVertexArray(vertices);
      gl.uniform4fv(this.line.at.ink, ink);
      gl.drawArrays(mode, 0, count);
    }
    gl.depthMask(true);
    gl.useProgram(this.body);
    const uniforms = this.body.at;
    gl.uniformMatrix4fv(uniforms.camera, false, matrix);
    gl.uniform3fv(uniforms.eye, eye);
    gl.uniform1f(uniforms.floorAt, floorAt);
    gl.bindVertexArray(this.mesh.vertices);
    [positions, normals, activation].forEach((values, i) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, this.mesh.buffers[i]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    });
    for (const shadow of [1, 0]) {
      gl.uniform1i(uniforms.shadow, shadow);
      gl.drawElements(gl.TRIANGLES, this.corners, gl.UNSIGNED_SHORT, 0);
    }
    return matrix;
  }
}

/** A camera that goes around what it looks at. */
class Camera {
  static PLACES = { slant: [-Math.PI / 2, 0.85], top: [-Math.PI / 2, Math.PI / 2 - 0.001], side: [-Math.PI / 2, 0.12] };

  constructor(distance) {
    Object.assign(this, { distance, usual: distance });
    this.go("slant");
  }

  go(place) {
    [this.yaw, this.pitch] = Camera.PLACES[place];
    this.distance = this.usual;
  }

  turn(yaw, pitch) {
    this.yaw += yaw;
    this.pitch = Math.min(Math.PI / 2 - 0.001, Math.max(0.03, this.pitch + pitch));
  }

  zoom(factor) {
    this.distance = Math.min(6 * this.usual, Math.max(0.12 * this.usual, this.distance * factor));
  }

  /** Perspective times view, column by column, and where the eye is. */
  matrix([x, y, z], aspect) {
    const { yaw, pitch } = this;
    // In a narrow window the worm must still fit across.
    const distance = this.distance * Math.max(1, 1.5 / aspect);
    const back = [Math.cos(pitch) * Math.cos(yaw), Math.cos(pitch) * Math.sin(yaw), Math.sin(pitch)];
    const right = [-Math.sin(yaw), Math.cos(yaw), 0];
    const up = [back[1] * right[2] - back[2] * right[1], back[2] * right[0] - back[0] * right[2], back[0] * right[1] - back[1] * right[0]];
    const eye = [x + distance * back[0], y + distance * back[1], z + distance * back[2]];
    const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    const f = 1 / Math.tan(0.35), near = 0.02 * distance, far = 40 * distance;
    const a = (far + near) / (near - far), b = 2 * far * near / (near - far);
    const rows = [right, up, back].map(axis => [...axis, -dot(axis, eye)]);
    const matrix = new Float32Array(16);
    for (let c = 0; c < 4; c++) {
      matrix[4 * c] = f / aspect * rows[0][c];
      matrix[4 * c + 1] = f * rows[1][c];
      matrix[4 * c + 2] = a * rows[2][c] + (c === 3 ? b : 0);
      matrix[4 * c + 3] = -rows[2][c];
    }
    return { matrix, eye };
  }
}
