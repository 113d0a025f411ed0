public class Solution {
    private List<int> found = new List<int>();

    public int[] Heights(TreeNode root) {
        Height(root);
        return found.ToArray();
    }

    private int Height(TreeNode node) {
        if (node == null) return 0;
        int tall = 1 + Math.Max(Height(node.left), Height(node.right));
        found.Add(tall);
        return tall;
    }
}
