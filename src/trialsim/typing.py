"""Arrays by what they hold, for annotations."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
DecisionCodes = npt.NDArray[np.int8]
