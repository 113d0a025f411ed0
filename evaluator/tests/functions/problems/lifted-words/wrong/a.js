var liftedWords = function(text) { return text.split(' '); };
