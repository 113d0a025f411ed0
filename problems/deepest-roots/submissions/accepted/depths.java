// Adds up by depth.
class Solution {
    private int deepest = -1, total = 0;

    public int deepestSum(TreeNode plant) {
        walk(plant, 0);
        return total;
    }

    private void walk(TreeNode node, int depth) {
        if (node == null) return;
        if (depth > deepest) {
            deepest = depth;
            total = 0;
        }
        if (depth == deepest) total += node.val;
        walk(node.left, depth + 1);
        walk(node.right, depth + 1);
    }
}
