class Solution {
    fun everyOther(head: ListNode?): ListNode? {
        var node = head
        while (node?.next != null) {
            node.next = node.next?.next
            node = node.next
        }
        return head
    }
}
