func heights(root *TreeNode) []int {
	return []int{root.Val}
}
