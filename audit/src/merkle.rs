//! The Merkle tree of RFC 6962, section 2.1: its hashes, and which of them a proof needs.
//!
//! There is no storage here. A subtree is named by the range of its leaves; the caller looks up its
//! hash.

use std::ops::Range;

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use domain::Digest;
use sha2::{Digest as _, Sha256};

/// The byte before a leaf when it is hashed, and the byte before two children.
const LEAF_PREFIX: [u8; 1] = [0];
const NODE_PREFIX: [u8; 1] = [1];

/// The hash of a leaf.
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    hash(&[&LEAF_PREFIX, leaf])
}

/// The hash of a node with two children.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    hash(&[&NODE_PREFIX, left.as_bytes(), right.as_bytes()])
}

/// The hash of a tree without leaves.
pub fn empty_hash() -> Digest {
    hash(&[])
}

fn hash(parts: &[&[u8]]) -> Digest {
    let hasher = parts.iter().fold(Sha256::new(), |hasher, part| hasher.chain_update(part));
    Digest::from(<[u8; 32]>::from(hasher.finalize()))
}

/// A perfect subtree: the `index`-th of those with `2^level` leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) level: u32,
    pub(crate) index: u64,
}

/// The perfect subtrees that a subtree consists of, left to right. `range` must be one that the
/// RFC's splitting produces: it begins at a multiple of the power of two that it would fit in.
pub(crate) fn perfect_subtrees(range: &Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let level = (range.end - start).ilog2();
        nodes.push(Node { level, index: start >> level });
        start += 1 << level;
    }
    nodes
}

/// The hash of a subtree, from the hashes of its perfect subtrees, left to right.
pub(crate) fn join(hashes: &[Digest]) -> Digest {
    let joined = hashes.iter().copied().rev().reduce(|right, left| node_hash(&left, &right));
    joined.unwrap_or_else(empty_hash)
}

/// The largest power of two below a number of leaves, where the tree splits.
fn split(leaves: u64) -> u64 {
    debug_assert!(leaves > 1);
    1 << (leaves - 1).ilog2()
}

/// The subtrees whose hashes prove that a leaf is in a tree, from the leaf's sibling to the root's
/// child (2.1.1).
pub(crate) fn inclusion_path(index: u64, size: u64) -> Vec<Range<u64>> {
    debug_assert!(index < size);
    let mut path = Vec::new();
    let mut range = 0..size;
    while range.end - range.start > 1 {
        let middle = range.start + split(range.end - range.start);
        if index < middle {
            path.push(middle..range.end);
            range.end = middle;
        } else {
            path.push(range.start..middle);
            range.start = middle;
        }
    }
    path.reverse();
    path
}

/// The subtrees whose hashes prove that a tree begins with a smaller one (2.1.2).
pub(crate) fn consistency_path(old: u64, new: u64) -> Vec<Range<u64>> {
    debug_assert!(0 < old && old <= new);
    let mut path = Vec::new();
    let mut range = 0..new;
    // True while `range` still begins at 0. The verifier knows the old tree's hash already.
    let mut is_whole_old_tree = true;
    while range.end != old {
        let middle = range.start + split(range.end - range.start);
        if old <= middle {
            path.push(middle..range.end);
            range.end = middle;
        } else {
            path.push(range.start..middle);
            range.start = middle;
            is_whole_old_tree = false;
        }
    }
    if !is_whole_old_tree {
        path.push(range);
    }
    path.reverse();
    path
}

/// Whether the proof shows that the leaf has index `index` in the tree with this size and root.
pub fn includes(leaf: &[u8], index: u64, proof: &[Digest], size: u64, root: &Digest) -> bool {
    let proof = InclusionProof::<Sha256>::from_bytes(concatenated(proof));
    index < size && root_hash(size, root).verify_inclusion(&leaf, index, &proof).is_ok()
}

/// Whether the proof shows that the new tree begins with the old one.
pub fn extends(
    (old_size, old_root): (u64, &Digest),
    (new_size, new_root): (u64, &Digest),
    proof: &[Digest],
) -> bool {
    if old_size == 0 || old_size >= new_size {
        let nothing_new = old_size == new_size && old_root == new_root;
        return proof.is_empty() && (old_size == 0 || nothing_new);
    }
    let Ok(proof) = ConsistencyProof::<Sha256>::try_from_bytes(concatenated(proof)) else {
        return false;
    };
    let (old, new) = (root_hash(old_size, old_root), root_hash(new_size, new_root));
    new.verify_consistency(&old, &proof).is_ok()
}

fn concatenated(proof: &[Digest]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn root_hash(size: u64, root: &Digest) -> RootHash<Sha256> {
    RootHash::new((*root.as_bytes()).into(), size)
}

/// The root of a growing tree. It holds one hash for each binary one in its size.
#[derive(Debug, Clone, Default)]
pub struct Frontier {
    size: u64,
    /// Hashes of the perfect subtrees, from left to right, which is from large to small.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The tree with this number of leaves and these perfect subtrees.
    pub(crate) fn of_peaks(size: u64, peaks: Vec<Digest>) -> Self {
        debug_assert_eq!(size.count_ones() as usize, peaks.len());
        Self { size, peaks }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        let mut hash = leaf_hash;
        // For each trailing one of the size, the new subtree joins with the last peak.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for each one of the size");
            hash = node_hash(&left, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root hash.
    pub fn root(&self) -> Digest {
        join(&self.peaks)
    }
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    use super::*;

    /// Test leaves of Certificate Transparency's reference implementation, and its roots for the
    /// first 1 to 8 of them.
    const LEAVES: [&str; 8] = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    fn leaves() -> Vec<Vec<u8>> {
        LEAVES.iter().map(|leaf| hex::decode(leaf).unwrap()).collect()
    }

    fn numbered(count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|number| number.to_be_bytes().to_vec()).collect()
    }

    fn range_hash(leaves: &[Vec<u8>], range: &Range<u64>) -> Digest {
        let mut frontier = Frontier::default();
        for leaf in &leaves[range.start as usize..range.end as usize] {
            frontier.push(leaf_hash(leaf));
        }
        frontier.root()
    }

    fn hashes(leaves: &[Vec<u8>], path: &[Range<u64>]) -> Vec<Digest> {
        path.iter().map(|range| range_hash(leaves, range)).collect()
    }

    #[test]
    fn roots_are_the_published_ones() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Frontier::default().root().to_string(), empty);
        let mut frontier = Frontier::default();
        for (leaf, root) in leaves().iter().zip(ROOTS) {
            frontier.push(leaf_hash(leaf));
            assert_eq!(frontier.root().to_string(), root, "{} leaves", frontier.size());
        }
    }

    #[test]
    fn paths_are_those_of_the_rfcs_examples() {
        // Section 2.1.3: a tree of seven leaves.
        assert_eq!(inclusion_path(0, 7), [1..2, 2..4, 4..7]);
        assert_eq!(inclusion_path(3, 7), [2..3, 0..2, 4..7]);
        assert_eq!(inclusion_path(4, 7), [5..6, 6..7, 0..4]);
        assert_eq!(inclusion_path(6, 7), [4..6, 0..4]);
        assert_eq!(consistency_path(3, 7), [2..3, 3..4, 0..2, 4..7]);
        assert_eq!(consistency_path(5, 7), [4..5, 5..6, 6..7, 0..4]);
        assert_eq!(consistency_path(6, 7), [4..6, 6..7, 0..4]);
        assert_eq!(consistency_path(4, 7).as_slice(), std::slice::from_ref(&(4..7)));
    }

    #[test]
    fn a_small_tree_proves_every_leaf_and_every_beginning_and_nothing_else() {
        for size in 1..=33 {
            let leaves = numbered(size);
            let root = range_hash(&leaves, &(0..size));
            for index in 0..size {
                let proof = hashes(&leaves, &inclusion_path(index, size));
                let leaf = &leaves[index as usize];
                assert!(includes(leaf, index, &proof, size, &root), "{index} of {size}");
                assert!(!includes(b"other", index, &proof, size, &root), "{index} of {size}");
                for other in (0..=size).filter(|other| *other != index) {
                    assert!(!includes(leaf, other, &proof, size, &root), "{index} as {other}");
                }
            }
            for old in 1..=size {
                let old_root = range_hash(&leaves, &(0..old));
                let proof = hashes(&leaves, &consistency_path(old, size));
                assert!(extends((old, &old_root), (size, &root), &proof), "{old} of {size}");
                let other = leaf_hash(b"other");
                assert!(!extends((old, &other), (size, &root), &proof), "{old} of {size}");
                assert!(!extends((old, &old_root), (size, &other), &proof), "{old} of {size}");
            }
        }
    }

    #[test]
    fn an_empty_tree_is_the_beginning_of_every_tree_and_a_larger_one_of_none() {
        let (empty, one) = (empty_hash(), leaf_hash(b"one"));
        assert!(extends((0, &empty), (1, &one), &[]));
        assert!(!extends((2, &one), (1, &one), &[]));
        assert!(!includes(b"one", 0, &[], 0, &empty));
    }

    proptest! {
        #[test]
        fn roots_are_those_of_another_implementation(leaves in prop::collection::vec(any::<Vec<u8>>(), 0..200)) {
            let (mut frontier, mut other) = (Frontier::default(), MemoryBackedTree::<Sha256, Vec<u8>>::new());
            for leaf in &leaves {
                frontier.push(leaf_hash(leaf));
                other.push(leaf.clone());
            }
            let root = hex::encode(other.root().as_bytes());
            prop_assert_eq!(frontier.root().to_string(), root);
        }

        #[test]
        fn a_changed_proof_proves_nothing(size in 2_u64..300, index in any::<u64>(), at in any::<usize>()) {
            let (index, leaves) = (index % size, numbered(size));
            let root = range_hash(&leaves, &(0..size));
            let mut proof = hashes(&leaves, &inclusion_path(index, size));
            let leaf = &leaves[index as usize];
            prop_assert!(includes(leaf, index, &proof, size, &root));
            let at = at % proof.len();
            proof[at] = leaf_hash(proof[at].as_bytes());
            prop_assert!(!includes(leaf, index, &proof, size, &root));
            proof.remove(at);
            prop_assert!(!includes(leaf, index, &proof, size, &root));
        }
    }
}
