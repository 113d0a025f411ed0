class Solution {
    public ListNode everyOther(ListNode head) {
        for (ListNode node = head; node != null && node.next != null; node = node.next) node.next = node.next.next;
        return head;
    }
}
