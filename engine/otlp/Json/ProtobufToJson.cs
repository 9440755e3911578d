using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Otlp.Json;

/// <summary>
/// Writes a protobuf message as JSON by its <see cref="JsonMessage"/>.
/// <para>
/// The wire may bring fields in any order, JSON wants the declared one. So each message is stepped over once to note where
/// its fields stand; then singular fields are read at their last place, and repeated ones from the first place to the
/// last. No tree is built; the notes of one message are a few hundred bytes of stack.
/// </para>
/// The bytes have been checked down to <see cref="OtlpTraceReader.MaxValueDepth"/>, which also bounds the recursion here;
/// what lies deeper is not read.
/// </summary>
internal static class ProtobufToJson
{
    /// <summary>Where a field stands in its message.</summary>
    private struct FieldExtent
    {
        /// <summary>Position of the tag of the first occurrence.</summary>
        public int FirstTagPosition;

        /// <summary>Position behind the tag of the last occurrence.</summary>
        public int LastValuePosition;
        public int Count;
    }

    /// <summary>Writes a message whose only field of interest is a list that the caller names.</summary>
    public static void WriteTopMessage(ref ProtoJsonWriter json, ReadOnlySpan<byte> message, JsonMessage schema, ReadOnlySpan<byte> key)
    {
        Span<FieldExtent> extents = stackalloc FieldExtent[schema.Fields.Length];
        Locate(message, schema, extents);
        json.BeginObject();
        if (extents[0].Count > 0)
        {
            json.WriteName(key);
            WriteList(ref json, message, schema.Fields[0], extents[0], valueDepth: 0);
        }

        json.EndObject();
    }

    /// <summary>Writes the elements of that list, without its brackets.</summary>
    public static void WriteTopElements(ref ProtoJsonWriter json, ReadOnlySpan<byte> message, JsonMessage schema)
    {
        Span<FieldExtent> extents = stackalloc FieldExtent[schema.Fields.Length];
        Locate(message, schema, extents);
        if (extents[0].Count > 0) WriteElements(ref json, message, schema.Fields[0], extents[0], valueDepth: 0);
    }

    /// <param name="json">Receives one object.</param>
    /// <param name="message">The protobuf fields.</param>
    /// <param name="schema">What they mean.</param>
    /// <param name="valueDepth">How many AnyValues lie around this message; an AnyValue counts itself.</param>
    public static void WriteMessage(ref ProtoJsonWriter json, ReadOnlySpan<byte> message, JsonMessage schema, int valueDepth)
    {
        if (schema.IsOneof && ++valueDepth > OtlpTraceReader.MaxValueDepth)
        {
            WriteTooDeep(ref json);
            return;
        }

        Span<FieldExtent> extents = stackalloc FieldExtent[schema.Fields.Length];
        Locate(message, schema, extents);
        json.BeginObject();
        for (var index = 0; index < extents.Length; index++)
        {
            var field = schema.Fields[index];
            if (extents[index].Count == 0 || field.IsInputOnly) continue;
            if (field.Kind == JsonFieldKind.RepeatedMessage)
            {
                json.WriteName(field.NameUtf8);
                WriteList(ref json, message, field, extents[index], valueDepth);
            }
            else if (field.Kind == JsonFieldKind.Message)
            {
                json.WriteName(field.NameUtf8);
                WriteMessage(ref json, ReadSingularMessage(message, field, extents[index]), field.Message, valueDepth);
            }
            else
            {
                WriteScalar(ref json, new ProtobufReader(message[extents[index].LastValuePosition..]), field, writesZero: schema.IsOneof);
            }
        }

        json.EndObject();
    }

    private static void Locate(ReadOnlySpan<byte> message, JsonMessage schema, Span<FieldExtent> extents)
    {
        extents.Clear();
        var reader = new ProtobufReader(message);
        var tagPosition = 0;
        while (reader.TryReadTag(out var tag))
        {
            var index = schema.IndexOf(tag);
            if (index >= 0)
            {
                ref var extent = ref extents[index];
                if (extent.Count == 0)
                {
                    // Setting one member of a oneof clears the others.
                    if (schema.IsOneof) extents.Clear();
                    extent.FirstTagPosition = tagPosition;
                }

                extent.LastValuePosition = reader.Position;
                extent.Count++;
            }

            if (!reader.TrySkip(tag)) break;
            tagPosition = reader.Position;
        }
    }

    private static ReadOnlySpan<byte> ReadSingularMessage(ReadOnlySpan<byte> message, JsonField field, FieldExtent extent)
    {
        if (extent.Count > 1) return RepeatedMessage.Join(message[extent.FirstTagPosition..], field.Tag);
        var reader = new ProtobufReader(message[extent.LastValuePosition..]);
        reader.TryReadBytes(out var content);
        return content;
    }

    private static void WriteList(ref ProtoJsonWriter json, ReadOnlySpan<byte> message, JsonField field, FieldExtent extent, int valueDepth)
    {
        json.BeginArray();
        WriteElements(ref json, message, field, extent, valueDepth);
        json.EndArray();
    }

    private static void WriteElements(
        ref ProtoJsonWriter json, ReadOnlySpan<byte> message, JsonField field, FieldExtent extent, int valueDepth)
    {
        var reader = new ProtobufReader(message[extent.FirstTagPosition..]);
        var isAttribute = ReferenceEquals(field.Message, OtlpJsonSchema.KeyValue);
        for (var left = extent.Count; left > 0 && reader.TryReadTag(out var tag);)
        {
            if (tag != field.Tag)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var element)) break;
            if (!isAttribute || valueDepth >= OtlpTraceReader.MaxValueDepth || !UsualAttribute.TryWrite(ref json, element))
                WriteMessage(ref json, element, field.Message, valueDepth);
            left--;
        }
    }

    private static void WriteScalar(ref ProtoJsonWriter json, ProtobufReader reader, JsonField field, bool writesZero)
    {
        ReadOnlySpan<byte> content = default;
        ulong bits = 0;
        switch (field.Kind)
        {
            case JsonFieldKind.Fixed64 or JsonFieldKind.Double:
                reader.TryReadFixed64(out bits);
                break;
            case JsonFieldKind.Fixed32:
                reader.TryReadFixed32(out var narrow);
                bits = narrow;
                break;
            case JsonFieldKind.UInt32 or JsonFieldKind.Enum:
                reader.TryReadVarint32(out var low);
                bits = low;
                break;
            case JsonFieldKind.Int64 or JsonFieldKind.Bool:
                reader.TryReadVarint(out bits);
                break;
            default:
                reader.TryReadBytes(out content);
                break;
        }

        if (!writesZero && bits == 0 && content.IsEmpty) return;
        json.WriteName(field.NameUtf8);
        WriteValue(ref json, field, bits, content);
    }

    private static void WriteValue(ref ProtoJsonWriter json, JsonField field, ulong bits, ReadOnlySpan<byte> content)
    {
        switch (field.Kind)
        {
            case JsonFieldKind.String:
                json.WriteString(content);
                break;
            case JsonFieldKind.Fixed64:
                json.WriteUInt64(bits);
                break;
            case JsonFieldKind.Int64:
                json.WriteInt64((long)bits);
                break;
            case JsonFieldKind.UInt32 or JsonFieldKind.Fixed32:
                json.WriteNumber((long)bits);
                break;
            case JsonFieldKind.Double:
                json.WriteDouble(BitConverter.UInt64BitsToDouble(bits));
                break;
            case JsonFieldKind.Bool:
                json.WriteBool(bits != 0);
                break;
            case JsonFieldKind.Enum:
                if (field.TryGetEnumName((int)bits, out var enumName)) json.WriteString(enumName);
                else json.WriteNumber((int)bits);
                break;
            default:
                json.WriteBase64(content);
                break;
        }
    }

    private static void WriteTooDeep(ref ProtoJsonWriter json)
    {
        json.BeginObject();
        json.WriteName("stringValue"u8);
        json.WriteString("<too deep>"u8);
        json.EndObject();
    }
}
