def every_other(head)
  node = head
  while node&.next
    node.next = node.next.next
    node = node.next
  end
  head
end
