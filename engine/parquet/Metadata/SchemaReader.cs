namespace Tempo.Engine.Parquet;

/// <summary>Rebuilds the schema tree from its flattened elements, which are not trusted.</summary>
internal static class SchemaReader
{
    public static ParquetSchema Build(List<SchemaElement> elements)
    {
        if (elements.Count < 2) ParquetFormatException.Throw($"Footer: the schema has {elements.Count} elements, at least 2 are needed.");
        var next = 0;
        var root = BuildNode(elements, ref next, 0);
        if (next != elements.Count)
            ParquetFormatException.Throw($"Footer: the schema has {elements.Count} elements, its tree takes {next}.");
        if (root.IsLeaf) ParquetFormatException.Throw("Footer: the root of the schema is a leaf.");
        try
        {
            return new ParquetSchema(root);
        }
        catch (ArgumentException e)
        {
            return ParquetFormatException.Throw<ParquetSchema>("Footer: " + e.Message);
        }
    }

    private static SchemaNode BuildNode(List<SchemaElement> elements, ref int next, int depth)
    {
        if (depth > ParquetLimits.MaxSchemaDepth)
            ParquetFormatException.Throw($"Footer: the schema is deeper than {ParquetLimits.MaxSchemaDepth}.");
        if (next >= elements.Count)
            ParquetFormatException.Throw("Footer: the schema's groups claim more children than there are elements.");
        var element = elements[next++];
        Check(element);
        if (element.Type is not null) return SchemaNode.FromFile(element, []);
        var children = new SchemaNode[element.ChildCount];
        for (var i = 0; i < children.Length; i++) children[i] = BuildNode(elements, ref next, depth + 1);
        return SchemaNode.FromFile(element, children);
    }

    private static void Check(in SchemaElement element)
    {
        if (element.Name.Length == 0) ParquetFormatException.Throw("Footer: a schema element has no name.");
        if (element.Repetition is < Repetition.Required or > Repetition.Repeated)
            ParquetFormatException.Throw($"Footer: '{element.Name}' has repetition {(int)element.Repetition}.");
        if (element.Type is null)
        {
            if (element.ChildCount is < 0 or > ParquetLimits.MaxSchemaElements)
                ParquetFormatException.Throw($"Footer: group '{element.Name}' claims {element.ChildCount} children.");
            return;
        }

        if (element.ChildCount != 0)
            ParquetFormatException.Throw($"Footer: '{element.Name}' has a type and {element.ChildCount} children.");
        if (element.Type is < PhysicalType.Boolean or > PhysicalType.FixedLenByteArray)
            ParquetFormatException.Throw($"Footer: '{element.Name}' has physical type {(int)element.Type}.");
        if (element.Type == PhysicalType.FixedLenByteArray && element.TypeLengthBytes is <= 0 or > ParquetLimits.MaxPageBytes)
            ParquetFormatException.Throw($"Footer: '{element.Name}' is a fixed byte array of {element.TypeLengthBytes} bytes.");
    }
}
