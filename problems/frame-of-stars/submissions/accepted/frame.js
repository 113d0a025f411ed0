const [width, height] = require("fs").readFileSync(0, "utf8").trim().split(/\s+/).map(Number);
const full = "*".repeat(width);
const hollow = width === 1 ? "*" : "*" + " ".repeat(width - 2) + "*";
const lines = [];
for (let row = 0; row < height; row++) {
  lines.push(row === 0 || row === height - 1 ? full : hollow);
}
console.log(lines.join("\n"));
