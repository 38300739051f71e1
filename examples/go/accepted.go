// Adds up the numbers on its input.
package main

import "fmt"

func main() {
	var sum, number int64
	for {
		if _, err := fmt.Scan(&number); err != nil {
			break
		}
		sum += number
	}
	fmt.Println(sum)
}
