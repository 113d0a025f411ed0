x = int(input())
# your code here
