class Solution:
    def everyOther(self, head):
        return head.next
