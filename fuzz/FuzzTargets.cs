using Tempo.Fuzz.Targets;

namespace Tempo.Fuzz;

/// <summary>All targets there are.</summary>
internal static class FuzzTargets
{
    public static readonly IReadOnlyList<IFuzzTarget> Product =
    [
        new OtlpProtobufTarget(),
        new GeneratorTarget(),
        new OtlpJsonTarget(),
        new OtlpJsonWriterTarget(),
        new AnyValueJsonTarget(),
        .. ForeignTarget.All,
        new GrpcFrameTarget(),
        new PostHeadTarget(),
        new McpTarget(),
        new QueryParametersTarget(),
        new TraceQlTarget(),
        new Re2PatternTarget(),
        new SidecarTarget(),
        new ParquetFooterTarget(),
        new ParquetPageTarget(),
        new BlockFileTarget(),
        new BlockMetaTarget(),
        new TenantIndexTarget(),
        new BloomTarget(),
        new GrpcQueryTarget(),
        new PeerMessageTarget(),
        new PeerPushTarget(),
        new MetricsPartTarget(),
        new SpanSplitterTarget(),
    ];

    /// <summary>Targets with a planted bug: if one of them passes, it is the fuzzer that is broken.</summary>
    public static readonly IReadOnlyList<IFuzzTarget> Canaries = [new LengthCanary(), new FenceCanary()];

    /// <summary>One more, whose bug only an input finds that was grown by what its ancestors reached.</summary>
    public static readonly IFuzzTarget GuidedCanary = new MazeCanary();

    public static IFuzzTarget? Find(string name) =>
        Product.Concat(Canaries).Append(GuidedCanary).FirstOrDefault(target => target.Name == name);
}
