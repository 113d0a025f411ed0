class Solution {
    private val found = mutableListOf<Int>()

    fun heights(root: TreeNode?): IntArray {
        height(root)
        return found.toIntArray()
    }

    private fun height(node: TreeNode?): Int {
        if (node == null) return 0
        val tall = 1 + maxOf(height(node.left), height(node.right))
        found.add(tall)
        return tall
    }
}
