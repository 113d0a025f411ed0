def running_total(nums)
  total = 0
  nums.map { |x| total += x }
end
