# Remembers the place of each weight seen so far.
class Solution:
    def pairOfWeights(self, weights: List[int], total: int) -> List[int]:
        places = {}
        for place, weight in enumerate(weights):
            if total - weight in places:
                return [place, places[total - weight]]
            places[weight] = place
        return []
