using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core.Internal.Http;
using Tempo.Host.Edge;

namespace Tempo.Fuzz.Targets;

/// <summary>
/// The head of a plain post. Holds: what is taken for one Kestrel's own parser takes, too, ends it at the same byte and finds in it the one
/// host, length and type, and nothing that frames the body otherwise; and nothing is said before the whole head is there.
/// </summary>
internal sealed class PostHeadTarget : IFuzzTarget
{
    private static readonly PostShape Shape = PostShape.Otlp("/v1/traces");

    public string Name => "post-head";

    public IReadOnlyList<byte[]> Dictionary { get; } = Array.ConvertAll(
        [
            "POST /v1/traces HTTP/1.1\r\n", "Host: x\r\n", "Host: x:80\r\n", "Content-Length: 7\r\n", "Content-Length: 0\r\n",
            "Content-Type: application/x-protobuf\r\n", "Transfer-Encoding: chunked\r\n", "Content-Encoding: gzip\r\n",
            "Connection: close\r\n", "Expect: 100-continue\r\n", "X-Scope-OrgID: a\r\n", "\r\n\r\n", "\r\n", "\n", "\r", ":", ": ", "\t",
            " ", "\0",
        ],
        Encoding.ASCII.GetBytes);

    public void Run(ReadOnlySpan<byte> input)
    {
        var kind = PostHead.Read(input, Shape, out var head);
        if (kind != HeadKind.Plain) return;
        for (var length = 0; length < head.HeadBytes; length++)
            Oracle.Holds(PostHead.Read(input[..length], Shape, out _) == HeadKind.Incomplete, "a part of a head is told to be one");
        Oracle.Holds(PostHead.Read(input[..head.HeadBytes], Shape, out var again) == HeadKind.Plain && again == head,
            "what follows does not matter");
        var found = new Found();
        var parser = new HttpParser<Found>();
        var reader = new SequenceReader<byte>(new ReadOnlySequence<byte>(input.ToArray()));
        Oracle.Holds(parser.ParseRequestLine(found, ref reader), "the request line is one");
        Oracle.Holds(parser.ParseHeaders(found, ref reader), "the headers are some");
        Oracle.Holds(reader.Consumed == head.HeadBytes, "and end where they end");
        Oracle.Holds(found.Target == "/v1/traces" && found.Values("host") is [{ Length: > 0 }], "one host");
        Oracle.Holds(found.Values("content-length") is [var length1]
            && int.Parse(length1, NumberStyles.None, CultureInfo.InvariantCulture) == head.BodyBytes && head.BodyBytes > 0, "one length");
        Oracle.Holds(found.Values("content-type") is [var type]
            && type.Equals("application/x-protobuf", StringComparison.OrdinalIgnoreCase), "one type");
        foreach (var other in (string[])["transfer-encoding", "content-encoding", "expect", "upgrade"])
            Oracle.Holds(found.Values(other).Count == 0, $"no {other}");
        var tenants = found.Values("x-scope-orgid");
        Oracle.Holds(tenants.Count == (head.SenderBytes < 0 ? 0 : 1), "one tenant or none");
        if (tenants.Count == 1)
            Oracle.Holds(tenants[0] == Encoding.ASCII.GetString(input.Slice(head.SenderStart, head.SenderBytes)), "and the same");
    }

    private sealed class Found : IHttpRequestLineHandler, IHttpHeadersHandler
    {
        private readonly List<(string Name, string Value)> _headers = [];

        public string Target { get; private set; } = "";

        public List<string> Values(string name) =>
            [.. _headers.Where(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                .Select(static header => header.Value)];

        public void OnStartLine(HttpVersionAndMethod versionAndMethod, TargetOffsetPathLength targetPath, Span<byte> startLine) =>
            Target = Encoding.ASCII.GetString(startLine[targetPath.Offset..]);

        public void OnHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) =>
            _headers.Add((Encoding.ASCII.GetString(name), Encoding.ASCII.GetString(value)));

        public void OnHeadersComplete(bool endStream)
        {
        }

        public void OnStaticIndexedHeader(int index) => throw new NotSupportedException();

        public void OnStaticIndexedHeader(int index, ReadOnlySpan<byte> value) => throw new NotSupportedException();
    }
}
