using System.Text.RegularExpressions;

namespace Tempo.Architecture.Tests;

/// <summary>
/// Whoever asks another service reads a bounded answer, whatever that service says: each place where a client is made has its limit, and
/// the test that shows it.
/// </summary>
public sealed partial class OutgoingCallTests
{
    /// <summary>Files that make a client, with what bounds its answers.</summary>
    private static readonly Dictionary<string, string> Limits = new()
    {
        ["engine/generator/RemoteWrite/RemoteWriteClient.cs"] = "MaxAnswerBytes",
        ["engine/node/External/ExternalTraces.cs"] = "MaxAnswerBytes",
        ["engine/node/Forwarding/OtlpForwardClient.cs"] = "MaxAnswerBytes",
        ["engine/objectstore/Remote/BoundedAnswers.cs"] = "MaxOtherBytes",
        ["native-host/Telemetry/OwnTraces/OwnTraceExport.cs"] = "MaxAnswerBytes",
        ["native-host/Vulture/VultureClient.cs"] = "MaxAnswerBytes",
        ["ring/Membership/Etcd/EtcdClient.cs"] = "MaxAnswerBytes",
        ["ring/Peers/PeerTransport.cs"] = "MaxAnswerBytes",
    };

    [Fact]
    public void Every_client_has_a_limit_of_its_answers()
    {
        var clients = SourceTree.ProductSources().Where(path => SourceTree.CodeLines(path).Any(static line => NewClient().IsMatch(line)))
            .Order(StringComparer.Ordinal);
        Assert.Equal(Limits.Keys.Order(StringComparer.Ordinal), clients);
        Assert.All(Limits, static limit =>
            Assert.Contains(SourceTree.CodeLines(limit.Key), line => line.Contains(limit.Value, StringComparison.Ordinal)));
    }

    [Fact]
    public void The_clients_of_object_stores_are_the_bounded_ones() => Assert.All(
        ["engine/objectstore/S3/S3Client.cs", "engine/objectstore/Azure/AzureObjects.cs", "engine/objectstore/Gcs/GcsObjects.cs"],
        static path => Assert.Contains(
            SourceTree.CodeLines(path), static line => line.Contains("BoundedAnswers.NewClient(", StringComparison.Ordinal)));

    [GeneratedRegex(@"\bnew (HttpClient|HttpMessageInvoker|SocketsHttpHandler|HttpClientHandler)\b|\bHttpClient \w+ = new\(")]
    private static partial Regex NewClient();
}
