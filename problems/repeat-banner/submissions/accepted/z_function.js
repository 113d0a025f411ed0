// matches[k] is how many letters from position k on agree with the start of the banner.
const [length, banner] = require("fs").readFileSync(0, "utf8").split("\n");
const n = Number(length);
const matches = new Int32Array(n);
let stencil = n;
for (let k = 1, from = 0, to = 0; k < n; k++) {
  if (k < to) matches[k] = Math.min(to - k, matches[k - from]);
  while (k + matches[k] < n && banner[matches[k]] === banner[k + matches[k]]) matches[k]++;
  if (k + matches[k] > to) {
    from = k;
    to = k + matches[k];
  }
  if (k + matches[k] === n) {
    stencil = k;
    break;
  }
}
console.log(String(stencil));
