def lifted_words(text)
  text.split
end
