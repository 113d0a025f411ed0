// Notes all wagons by their places.
class Solution {
    public ListNode foldTrain(ListNode first) {
        List<ListNode> wagons = new ArrayList<>();
        for (ListNode wagon = first; wagon != null; wagon = wagon.next) wagons.add(wagon);
        ListNode head = new ListNode(0), last = head;
        for (int i = 0, j = wagons.size() - 1; i <= j; i++, j--) {
            last = last.next = wagons.get(i);
            if (i < j) last = last.next = wagons.get(j);
        }
        last.next = null;
        return head.next;
    }
}
