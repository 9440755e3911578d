namespace Tempo.Perf.Load.Transport;

/// <summary>
/// Reads the fields of a small protobuf message one after the other: numbers and bytes, which is all that answers of a receiver have.
/// </summary>
internal static class MessageFields
{
    /// <summary>The next field, taken off <paramref name="rest"/>; false at the end, and for bytes that are no message.</summary>
    public static bool TryRead(ref ReadOnlySpan<byte> rest, out int field, out ulong value, out ReadOnlySpan<byte> body)
    {
        field = 0;
        value = 0;
        body = default;
        if (!TryReadVarint(ref rest, out ulong tag) || !TryReadVarint(ref rest, out value)) return false;
        field = (int)(tag >> 3);
        if ((tag & 7) == 0) return true;
        if ((tag & 7) != 2 || value > (ulong)rest.Length) return false;
        body = rest[..(int)value];
        rest = rest[(int)value..];
        return true;
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> rest, out ulong value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(rest.Length, 10); i++)
        {
            value |= (ulong)(rest[i] & 0x7F) << (7 * i);
            if (rest[i] >= 0x80) continue;
            rest = rest[(i + 1)..];
            return true;
        }
        return false;
    }
}
