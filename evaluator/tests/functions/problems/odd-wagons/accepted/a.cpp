/**
 * Definition for singly-linked list.
 * struct ListNode {
 *     int val;
 *     ListNode *next;
 *     ListNode(int x) : val(x), next(nullptr) {}
 * };
 */
class Solution {
public:
    ListNode* everyOther(ListNode* head) {
        for (ListNode* node = head; node && node->next; node = node->next) node->next = node->next->next;
        return head;
    }
};
