# Takes one weight twice.
class Solution:
    def pairOfWeights(self, weights: List[int], total: int) -> List[int]:
        places = {weight: place for place, weight in enumerate(weights)}
        for place, weight in enumerate(weights):
            if total - weight in places:
                return [place, places[total - weight]]
        return []
