class Solution {
    private final List<Integer> found = new ArrayList<>();

    public List<Integer> heights(TreeNode root) {
        height(root);
        return found;
    }

    private int height(TreeNode node) {
        if (node == null) return 0;
        int tall = 1 + Math.max(height(node.left), height(node.right));
        found.add(tall);
        return tall;
    }
}
