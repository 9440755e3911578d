using Tempo.Engine.Otlp;
using Tempo.Engine.Otlp.Fields;
using Tempo.Engine.Otlp.Values;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Live;

/// <summary>Puts one attribute value into columns: the mapping of the storage specification §4.4.</summary>
internal static class LiveValues
{
    public static AttributeType Store(AttributeColumns owner, in AnyValueView value, ref LiveAppender appender, out long bits)
    {
        switch (value.Kind)
        {
            case AnyValueKind.String:
                bits = appender.Intern(value.Bytes);
                return AttributeType.String;
            case AnyValueKind.Int:
                bits = value.Bits;
                return AttributeType.Int;
            case AnyValueKind.Bool:
                bits = value.Bits;
                return AttributeType.Bool;
            case AnyValueKind.Double:
                bits = value.Bits;
                return AttributeType.Double;
            case AnyValueKind.Array:
                return StoreArray(owner, value, ref appender, out bits);
            case AnyValueKind.TooDeep:
                bits = appender.InternWhole("<too deep>"u8);
                return AttributeType.String;
            case AnyValueKind.Null:
                bits = 0;
                return AttributeType.Null;
            default:
                bits = appender.InternWhole(value.Message);
                return AttributeType.AnyValue;
        }
    }

    // An array of one scalar type becomes items; any other array is kept as its message.
    private static AttributeType StoreArray(AttributeColumns owner, in AnyValueView value, ref LiveAppender appender, out long bits)
    {
        var start = owner.ItemCount;
        var elementKind = AnyValueKind.Null;
        var reader = new ProtobufReader(value.Bytes);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != ArrayValueTag.Values)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var message) || !AnyValueReader.TryRead(message, 0, out var element, out _)) break;
            if (element.Kind is not (AnyValueKind.String or AnyValueKind.Int or AnyValueKind.Double or AnyValueKind.Bool)
                || elementKind != AnyValueKind.Null && element.Kind != elementKind)
            {
                owner.ItemCount = start;
                bits = appender.InternWhole(value.Message);
                return AttributeType.AnyValue;
            }

            elementKind = element.Kind;
            GrowableArray.Reserve(ref owner.Items, owner.ItemCount + 1);
            owner.Items[owner.ItemCount++] = element.Kind == AnyValueKind.String ? appender.Intern(element.Bytes) : element.Bits;
        }

        bits = ArrayRef.Pack(start, owner.ItemCount - start);
        return elementKind switch
        {
            AnyValueKind.String => AttributeType.StringArray,
            AnyValueKind.Int => AttributeType.IntArray,
            AnyValueKind.Double => AttributeType.DoubleArray,
            AnyValueKind.Bool => AttributeType.BoolArray,
            _ => AttributeType.EmptyArray,
        };
    }
}
