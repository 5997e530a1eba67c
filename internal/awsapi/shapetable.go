package awsapi

type shapeTable struct{}

func newShapeTable(s *service) *shapeTable { return nil }
