// Counts 1 + 2 and 2 + 1 as two ways.
const MODULUS = 1_000_000_007;
const [kinds, total, ...values] = require("fs").readFileSync(0, "utf8").trim().split(/\s+/).map(Number);
const ways = new Array(total + 1).fill(0);
ways[0] = 1;
for (let t = 1; t <= total; t++) {
  for (let i = 0; i < kinds; i++) {
    if (values[i] <= t) ways[t] = (ways[t] + ways[t - values[i]]) % MODULUS;
  }
}
console.log(String(ways[total]));
