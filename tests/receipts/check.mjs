// Checks a receipt (c2sp.org/tlog-proof) with a public key, written only from RFC 6962, RFC 9162, RFC 8032 and the note
// formats. It shares no code with Assay.
//
//     node check.mjs RECEIPT PUBLIC_KEY

import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [file, publicKey] = process.argv.slice(2);
const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const refuse = (reason) => {
  console.log(`refused: ${reason}`);
  process.exit(1);
};

// The receipt: proof lines, an empty line, the signed note.
const text = readFileSync(file, "utf8");
const border = text.indexOf("\n\n");
const [format, extra, index, ...path] = text.slice(0, border).split("\n");
if (format !== "c2sp.org/tlog-proof@v1") refuse("it is not a tlog-proof");
const leaf = Buffer.from(extra.replace(/^extra /, ""), "base64");
const leafIndex = BigInt(index.replace(/^index /, ""));
const hashes = path.map((line) => Buffer.from(line, "base64"));

// The note: a text that ends in a newline, an empty line, signatures.
const note = text.slice(border + 2);
const end = note.lastIndexOf("\n\n");
const body = note.slice(0, end + 1);
const signatures = note.slice(end + 2).trimEnd().split("\n");
const [origin, sizeText, rootText] = body.split("\n");
const treeSize = BigInt(sizeText);
const root = Buffer.from(rootText, "base64");

// The key: name, id, type 1 and 32 bytes.
const [name, id, ...rest] = publicKey.split("+");
const typed = Buffer.from(rest.join("+"), "base64");
if (typed[0] !== 1 || typed.length !== 33) refuse("the key is not an Ed25519 key");
const keyId = sha256(Buffer.from(`${name}\n`), typed).subarray(0, 4);
if (keyId.toString("hex") !== id) refuse("the key's id does not match the key");
if (origin !== name) refuse("the head belongs to another log");

// RFC 8032. Node reads a key as DER: a fixed prefix and the 32 bytes.
const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), typed.subarray(1)]);
const key = createPublicKey({ key: der, format: "der", type: "spki" });
const isSigned = signatures.some((line) => {
  const [dash, signer, encoded] = line.split(" ");
  const bytes = Buffer.from(encoded, "base64");
  if (dash !== "—" || signer !== name || !bytes.subarray(0, 4).equals(keyId)) return false;
  return verify(null, Buffer.from(body), key, bytes.subarray(4));
});
if (!isSigned) refuse("the key has not signed the head");

// RFC 9162, section 2.1.3.2.
if (leafIndex >= treeSize) refuse("the index is beyond the tree");
let fn = leafIndex;
let sn = treeSize - 1n;
let r = sha256(Buffer.of(0), leaf);
for (const p of hashes) {
  if (sn === 0n) refuse("the path is too long");
  if ((fn & 1n) === 1n || fn === sn) {
    r = sha256(Buffer.of(1), p, r);
    if ((fn & 1n) === 0n) {
      do {
        fn >>= 1n;
        sn >>= 1n;
      } while ((fn & 1n) === 0n && fn !== 0n);
    }
  } else {
    r = sha256(Buffer.of(1), r, p);
  }
  fn >>= 1n;
  sn >>= 1n;
}
if (sn !== 0n || !r.equals(root)) refuse("the event is not in the tree");

const [version, position, stream] = leaf.toString().split("\n");
if (version !== "assay.event/1" || BigInt(position) !== leafIndex + 1n) refuse("the leaf does not belong to that index");
console.log(`ok: ${stream} at ${position} of ${treeSize}`);
