using System.Globalization;
using System.Text;

namespace Tempo.Host.Grpc;

/// <summary>The percent-encoding of the <c>grpc-message</c> trailer: bytes outside printable ASCII, and the percent sign.</summary>
public static class GrpcText
{
    /// <summary>Longest message on the wire: trailers share the header limits of clients (8 KiB for many).</summary>
    public const int MaxBytes = 4096;

    /// <summary>The encoded text, cut to <see cref="MaxBytes"/> at a whole character.</summary>
    public static string Encode(string message)
    {
        if (message.Length <= MaxBytes && !message.AsSpan().ContainsAnyExceptInRange(' ', '~')
            && !message.Contains('%', StringComparison.Ordinal))
            return message;
        var encoded = new StringBuilder(message.Length + 16);
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in message.EnumerateRunes())
        {
            if (encoded.Length + 12 > MaxBytes) break;
            if (rune.Value is >= ' ' and <= '~' and not '%')
            {
                encoded.Append((char)rune.Value);
                continue;
            }

            foreach (var b in utf8[..rune.EncodeToUtf8(utf8)]) encoded.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
        }

        return encoded.ToString();
    }
}
