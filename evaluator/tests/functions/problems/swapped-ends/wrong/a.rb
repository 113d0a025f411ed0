def swapped_ends(letters)
  letters.reverse!
end
