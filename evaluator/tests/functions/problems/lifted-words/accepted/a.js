const liftedWords = (text) => text.split(' ').filter(word => word);
