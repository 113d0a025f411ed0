func heights(root *TreeNode) []int {
	found := []int{}
	var height func(*TreeNode) int
	height = func(node *TreeNode) int {
		if node == nil {
			return 0
		}
		tall := 1 + max(height(node.Left), height(node.Right))
		found = append(found, tall)
		return tall
	}
	height(root)
	return found
}
