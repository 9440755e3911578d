namespace Tempo.Engine.Parquet;

/// <summary>PageEncodingStats of parquet.thrift: how many pages of a kind have an encoding.</summary>
internal readonly record struct PageEncodingCount(PageType Type, PageEncoding Encoding, int Count)
{
    public static void WriteList(ThriftCompactWriter writer, short field, IReadOnlyList<PageEncodingCount> counts)
    {
        writer.BeginList(field, ThriftType.Struct, counts.Count);
        foreach (var entry in counts)
        {
            writer.BeginStructElement();
            writer.WriteI32(1, (int)entry.Type);
            writer.WriteI32(2, (int)entry.Encoding);
            writer.WriteI32(3, entry.Count);
            writer.EndStruct();
        }
    }

    /// <summary>True if the list names data pages and all of them are dictionary-coded.</summary>
    public static bool ReadIsDictionaryOnly(ref ThriftCompactReader reader, ThriftType type)
    {
        var count = reader.ReadListHeader(type, ThriftType.Struct);
        bool coded = false, other = false;
        for (var i = 0; i < count; i++)
        {
            var entry = Read(ref reader);
            if (entry.Type is not (PageType.Data or PageType.DataV2) || entry.Count == 0) continue;
            if (entry.Encoding is PageEncoding.RleDictionary or PageEncoding.PlainDictionary) coded = true;
            else other = true;
        }

        return coded && !other;
    }

    private static PageEncodingCount Read(ref ThriftCompactReader reader)
    {
        int pageType = -1, encoding = -1, count = 0;
        for (short field = 0; reader.NextField(ref field, out var type);)
        {
            switch (field)
            {
                case 1: pageType = reader.ReadI32(type); break;
                case 2: encoding = reader.ReadI32(type); break;
                case 3: count = reader.ReadI32(type); break;
                default: reader.Skip(type); break;
            }
        }

        return new PageEncodingCount((PageType)pageType, (PageEncoding)encoding, count);
    }
}
