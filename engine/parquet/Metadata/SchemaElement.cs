namespace Tempo.Engine.Parquet;

/// <summary>SchemaElement of parquet.thrift: one node of the schema, flattened depth first.</summary>
internal struct SchemaElement
{
    public string Name;
    public PhysicalType? Type;
    public int TypeLengthBytes;
    public Repetition Repetition;
    public int ChildCount;
    public ConvertedType ConvertedType;
    public LogicalKind LogicalKind;
    public int IntegerBits;
    public bool IsUnsigned;

    public static SchemaElement Read(ref ThriftCompactReader reader)
    {
        var element = new SchemaElement { Name = "", ConvertedType = ConvertedType.None };
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: element.Type = (PhysicalType)reader.ReadI32(type); break;
                case 2: element.TypeLengthBytes = reader.ReadI32(type); break;
                case 3: element.Repetition = (Repetition)reader.ReadI32(type); break;
                case 4: element.Name = reader.ReadText(type); break;
                case 5: element.ChildCount = reader.ReadI32(type); break;
                case 6: element.ConvertedType = (ConvertedType)reader.ReadI32(type); break;
                case 10: element.ReadLogicalType(ref reader, type); break;
                default: reader.Skip(type); break;
            }
        }

        return element;
    }

    public static void Write(ThriftCompactWriter writer, SchemaNode node, bool isRoot)
    {
        writer.BeginStructElement();
        if (node.Type is { } physical) writer.WriteI32(1, (int)physical);
        if (node.TypeLengthBytes > 0) writer.WriteI32(2, node.TypeLengthBytes);
        if (!isRoot) writer.WriteI32(3, (int)node.Repetition);
        writer.WriteText(4, node.Name);
        if (!node.IsLeaf) writer.WriteI32(5, node.Children.Count);
        if (node.ConvertedType != ConvertedType.None) writer.WriteI32(6, (int)node.ConvertedType);
        if (node.LogicalKind is LogicalKind.Integer)
        {
            writer.BeginStruct(10);
            writer.BeginStruct((short)LogicalKind.Integer);
            writer.WriteByte(1, (sbyte)node.IntegerBits);
            writer.WriteBool(2, !node.IsUnsigned);
            writer.EndStruct();
            writer.EndStruct();
        }
        else if (node.LogicalKind is LogicalKind.String or LogicalKind.List or LogicalKind.Map)
        {
            writer.BeginStruct(10);
            writer.WriteEmptyStruct((short)node.LogicalKind);
            writer.EndStruct();
        }

        writer.EndStruct();
    }

    /// <summary>A union: the field that is present names the kind. Parameters are read for integers only.</summary>
    private void ReadLogicalType(ref ThriftCompactReader reader, ThriftType type)
    {
        if (type != ThriftType.Struct)
        {
            reader.Skip(type);
            return;
        }

        for (short field = 0; reader.NextField(ref field, out var choice);)
        {
            LogicalKind = (LogicalKind)field;
            if (LogicalKind == LogicalKind.Integer && choice == ThriftType.Struct) ReadIntegerType(ref reader);
            else reader.Skip(choice);
        }
    }

    private void ReadIntegerType(ref ThriftCompactReader reader)
    {
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: IntegerBits = reader.ReadByte(type); break;
                case 2: IsUnsigned = !reader.ReadBool(type); break;
                default: reader.Skip(type); break;
            }
        }
    }
}
