using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>Keys and region of Prometheus' <c>sigv4</c>. The keys are asked for with each request.</summary>
public sealed record SigV4Options(string Region, Func<(string AccessKey, string SecretKey, string SessionToken)> Keys)
{
    /// <summary>Amazon Managed Service for Prometheus.</summary>
    public string Service { get; init; } = "aps";
}

/// <summary>
/// Signature version 4 of AWS (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html):
/// <code>
/// canonical request   method, path, query, headers that are signed, their names, SHA-256 of the body
/// text to sign        algorithm, time, scope, SHA-256 of the canonical request
/// key                 HMAC of date, region, service and "aws4_request", one after the other, from the secret key
/// </code>
/// </summary>
internal static class RequestSigner
{
    private const string Algorithm = "AWS4-HMAC-SHA256", Terminator = "aws4_request";

    /// <summary>Adds the time, the session's token if there is one, and the signature.</summary>
    public static void Sign(HttpRequestMessage request, ReadOnlySpan<byte> body, SigV4Options options, DateTimeOffset now)
    {
        var (accessKey, secretKey, token) = options.Keys();
        var time = now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        request.Headers.TryAddWithoutValidation("X-Amz-Date", time);
        if (token.Length > 0) request.Headers.TryAddWithoutValidation("X-Amz-Security-Token", token);
        var url = request.RequestUri!;
        var headers = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["host"] = url.IsDefaultPort ? url.Host : $"{url.Host}:{url.Port}",
            ["x-amz-date"] = time,
        };
        if (token.Length > 0) headers["x-amz-security-token"] = token;
        var scope = $"{time[..8]}/{options.Region}/{options.Service}/{Terminator}";
        var names = string.Join(';', headers.Keys);
        var canonical = $"{request.Method.Method}\n{url.AbsolutePath}\n{CanonicalQuery(url)}\n{string.Concat(headers.Select(static h => $"{h.Key}:{h.Value}\n"))}\n{names}\n{Hex(SHA256.HashData(body))}";
        var text = $"{Algorithm}\n{time}\n{scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key =
            Hmac(Hmac(Hmac(Hmac(Encoding.UTF8.GetBytes("AWS4" + secretKey), time[..8]), options.Region), options.Service), Terminator);
        request.Headers.TryAddWithoutValidation(
            "Authorization", $"{Algorithm} Credential={accessKey}/{scope}, SignedHeaders={names}, Signature={Hex(Hmac(key, text))}");
    }

    private static string CanonicalQuery(Uri url) =>
        string.Join('&', url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(static pair => pair.Contains('=', StringComparison.Ordinal) ? pair : pair + "=").Order(StringComparer.Ordinal));

    private static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
