struct ListNode* everyOther(struct ListNode* head) {
    for (struct ListNode* node = head; node && node->next; node = node->next) node->next = node->next->next;
    return head;
}
