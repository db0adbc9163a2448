//! Real work to time: grow a tree, count its nodes.

/// A node and what hangs from it.
pub(crate) struct Tree(Vec<Tree>);

impl Tree {
    /// A binary tree with this many levels below its root.
    pub(crate) fn grow(depth: u32) -> Tree {
        match depth {
            0 => Tree(Vec::new()),
            _ => Tree(vec![Tree::grow(depth - 1), Tree::grow(depth - 1)]),
        }
    }

    /// How many nodes it has: `2^(depth + 1) - 1`.
    pub(crate) fn count(&self) -> u64 {
        1 + self.0.iter().map(Tree::count).sum::<u64>()
    }
}
