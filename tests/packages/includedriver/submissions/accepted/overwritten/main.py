print("this file is replaced by the driver of the package")
