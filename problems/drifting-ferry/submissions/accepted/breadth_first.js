const lines = require("fs").readFileSync(0, "utf8").split("\n");
const [rows, columns] = lines[0].split(" ").map(Number);
const grid = lines.slice(1, rows + 1);

function slide(r, c, dr, dc) {
  while (grid[r + dr] !== undefined && grid[r + dr][c + dc] !== undefined && grid[r + dr][c + dc] !== "#") {
    r += dr;
    c += dc;
  }
  return [r, c];
}

function fewestPushes() {
  const startRow = grid.findIndex((row) => row.includes("F"));
  const start = [startRow, grid[startRow].indexOf("F")];
  const seen = new Set([start[0] * columns + start[1]]);
  let wave = [start];
  for (let pushes = 0; wave.length > 0; pushes++) {
    const next = [];
    for (const [r, c] of wave) {
      if (grid[r][c] === "H") return pushes;
      for (const [dr, dc] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        const [toR, toC] = slide(r, c, dr, dc);
        const key = toR * columns + toC;
        if (!seen.has(key)) {
          seen.add(key);
          next.push([toR, toC]);
        }
      }
    }
    wave = next;
  }
  return "stranded";
}

console.log(String(fewestPushes()));
