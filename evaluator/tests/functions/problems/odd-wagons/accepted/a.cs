public class Solution {
    public ListNode EveryOther(ListNode head) {
        for (var node = head; node?.next != null; node = node.next) node.next = node.next.next;
        return head;
    }
}
