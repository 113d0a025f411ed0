// Notes all wagons by their places.
class Solution {
public:
    ListNode* foldTrain(ListNode* first) {
        vector<ListNode*> wagons;
        for (ListNode* wagon = first; wagon; wagon = wagon->next) wagons.push_back(wagon);
        ListNode head, *last = &head;
        int i = 0, j = (int)wagons.size() - 1;
        while (i <= j) {
            last = last->next = wagons[i++];
            if (i <= j) last = last->next = wagons[j--];
        }
        last->next = nullptr;
        return head.next;
    }
};
