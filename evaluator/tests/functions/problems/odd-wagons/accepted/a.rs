impl Solution {
    pub fn every_other(mut head: Option<Box<ListNode>>) -> Option<Box<ListNode>> {
        let mut node = head.as_mut();
        while let Some(current) = node {
            current.next = current.next.take().and_then(|mut skipped| skipped.next.take());
            node = current.next.as_mut();
        }
        head
    }
}
