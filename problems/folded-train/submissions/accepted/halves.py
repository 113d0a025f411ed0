# Cuts the train in the middle, and puts the reversed second half between the first.
class Solution:
    def foldTrain(self, first: Optional[ListNode]) -> Optional[ListNode]:
        slow = fast = first
        while fast and fast.next:
            slow, fast = slow.next, fast.next.next
        if not slow:
            return first
        second, slow.next = slow.next, None
        reversed_half = None
        while second:
            second.next, reversed_half, second = reversed_half, second, second.next
        wagon = first
        while reversed_half:
            following = wagon.next
            wagon.next = reversed_half
            reversed_half = reversed_half.next
            wagon.next.next = following
            wagon = following
        return first
