namespace Tempo.Engine.Otlp.Wire;

/// <summary>
/// A singular message field may stand several times on the wire; its value is then the merge of all of them, which is the
/// same as reading their bytes one after the other (https://protobuf.dev/programming-guides/encoding/#last-one-wins).
/// No exporter does that, but it is legal. Done in a scratch copy, in time and memory linear in the message.
/// </summary>
internal static class RepeatedMessage
{
    /// <summary>The contents of all fields with this tag, joined. <paramref name="message"/> has been checked.</summary>
    public static byte[] Join(ReadOnlySpan<byte> message, uint tag)
    {
        var joined = new byte[TotalSizeBytes(message, tag)];
        var written = 0;
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var current))
        {
            if (current != tag)
            {
                if (!reader.TrySkip(current)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            content.CopyTo(joined.AsSpan(written));
            written += content.Length;
        }

        return joined;
    }

    private static int TotalSizeBytes(ReadOnlySpan<byte> message, uint tag)
    {
        var total = 0;
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var current))
        {
            if (current != tag)
            {
                if (!reader.TrySkip(current)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var content)) break;
            total += content.Length;
        }

        return total;
    }
}
