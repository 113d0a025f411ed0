func everyOther(head *ListNode) *ListNode {
	for node := head; node != nil && node.Next != nil; node = node.Next {
		node.Next = node.Next.Next
	}
	return head
}
