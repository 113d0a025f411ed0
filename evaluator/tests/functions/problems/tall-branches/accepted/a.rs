use std::cell::RefCell;
use std::rc::Rc;

impl Solution {
    pub fn heights(root: Option<Rc<RefCell<TreeNode>>>) -> Vec<i32> {
        fn height(node: &Option<Rc<RefCell<TreeNode>>>, found: &mut Vec<i32>) -> i32 {
            let Some(node) = node else { return 0 };
            let node = node.borrow();
            let tall = 1 + height(&node.left, found).max(height(&node.right, found));
            found.push(tall);
            tall
        }
        let mut found = vec![];
        height(&root, &mut found);
        found
    }
}
