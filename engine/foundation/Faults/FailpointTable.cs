namespace Tempo.Engine.Foundation;

/// <summary>A failpoint's name and meaning.</summary>
/// <param name="Point">Which it is.</param>
/// <param name="Name">How a test asks for it.</param>
/// <param name="MayFail">Code around it takes an <see cref="IOException"/> for what it says; any other point only ends the process.</param>
/// <param name="Meaning">What has happened when it is reached.</param>
public sealed record FailpointInfo(Failpoint Point, string Name, bool MayFail, string Meaning);

/// <summary>All failpoints. <c>tempo failpoints</c> prints it.</summary>
public static class FailpointTable
{
    /// <summary>In the order of the enumeration.</summary>
    public static IReadOnlyList<FailpointInfo> All { get; } =
    [
        new(Failpoint.IngestJudged, "ingest.judged", false, "a request was judged and is not in the log"),
        new(Failpoint.IngestLogged, "ingest.logged", false, "it is durable and not in the live columns"),
        new(Failpoint.IngestLive, "ingest.live", false, "it can be found and was not answered"),
        new(Failpoint.WalGroupPlaced, "wal.group.placed", false, "records of a group have their places and are not written"),
        new(Failpoint.WalGroupWritten, "wal.group.written", false, "they are written and not synced"),
        new(Failpoint.WalGroupSynced, "wal.group.synced", false, "they are synced and nobody was told"),
        new(Failpoint.WalGroupTold, "wal.group.told", false, "their appends are complete"),
        new(Failpoint.WalSegmentHeader, "wal.segment.header", false, "a segment has its header under a spare's name"),
        new(Failpoint.WalSegmentRenamed, "wal.segment.renamed", false, "it has its name, which is not durable"),
        new(Failpoint.WalSegmentBegun, "wal.segment.begun", false, "it is durable and empty"),
        new(Failpoint.WalSpareAllocated, "wal.spare.allocated", false, "a spare segment was allocated"),
        new(Failpoint.WalFileReleased, "wal.file.released", false, "a file of a released generation was taken out, not durably"),
        new(Failpoint.WalReleaseSynced, "wal.release.synced", false, "all of them are out, durably"),
        new(Failpoint.WalEpochNamed, "wal.epoch.named", false, "the log's new epoch has its name, which is not durable"),
        new(Failpoint.RecoveryLookedUp, "recovery.looked_up", false, "it is known which tenants of a logged generation have their block"),
        new(Failpoint.RecoveryRecord, "recovery.record", false, "a record was replayed"),
        new(Failpoint.RecoveryReplayed, "recovery.replayed", false, "a generation was replayed"),
        new(Failpoint.RecoveryDone, "recovery.done", false, "everything was replayed and no loop runs yet"),
        new(Failpoint.CutSealed, "cut.sealed", true, "a generation takes no more requests"),
        new(Failpoint.CutBlockWritten, "cut.block.written", true, "one of its blocks is there"),
        new(Failpoint.CutBlocksWritten, "cut.blocks.written", true, "all of its blocks are there, readers see live data"),
        new(Failpoint.CutSwapped, "cut.swapped", false, "readers see the blocks, the log still has the spans"),
        new(Failpoint.CutReleased, "cut.released", false, "the log has let go of them"),
        new(Failpoint.BlockPageWritten, "block.page.written", true, "a page of each column was encoded"),
        new(Failpoint.BlockRowGroupWritten, "block.rowgroup.written", true, "a row group is in the file"),
        new(Failpoint.BlockFooterWritten, "block.footer.written", true, "data.parquet is whole, in the work folder"),
        new(Failpoint.BlockDataPut, "block.data.put", true, "data.parquet is in the store"),
        new(Failpoint.BlockBloomPut, "block.bloom.put", true, "a bloom shard is"),
        new(Failpoint.BlockSidecarPut, "block.sidecar.put", true, "the sidecar is"),
        new(Failpoint.BlockIndexPut, "block.index.put", true, "the index of row groups is"),
        new(Failpoint.BlockOriginsPut, "block.origins.put", true, "the list of what it was compacted from is"),
        new(Failpoint.BlockMetaNext, "block.meta.next", true, "all but meta.json is"),
        new(Failpoint.BlockMetaPut, "block.meta.put", true, "meta.json is: the block exists"),
        new(Failpoint.ObjectCreated, "object.created", true, "an object's file exists under a passing name"),
        new(Failpoint.ObjectSynced, "object.synced", true, "its content is durable"),
        new(Failpoint.ObjectRenamed, "object.renamed", true, "it has its name, which is not durable"),
        new(Failpoint.ObjectMoved, "object.moved", true, "a file that was handed over has its name, which is not durable"),
        new(Failpoint.ObjectDeleted, "object.deleted", true, "an object was deleted"),
        new(Failpoint.CompactionOpened, "compaction.opened", true, "the inputs are open"),
        new(Failpoint.CompactionWritten, "compaction.written", true, "the output is there, readers see the inputs"),
        new(Failpoint.CompactionSwapped, "compaction.swapped", false, "readers see the output, the inputs are not retired"),
        new(Failpoint.CompactionMarked, "compaction.marked", true, "an input has a meta.compacted.json beside its meta.json"),
        new(Failpoint.CompactionRetired, "compaction.retired", true, "an input is no block any more"),
        new(Failpoint.CompactionSettling, "compaction.settling", true, "inputs were found that an earlier run has not retired"),
        new(Failpoint.RetentionChosen, "retention.chosen", true, "a block is to be deleted"),
        new(Failpoint.RetentionObject, "retention.object", true, "one of its objects is gone"),
        new(Failpoint.RetentionEmptied, "retention.emptied", true, "only its meta.compacted.json is left"),
        new(Failpoint.RetentionDeleted, "retention.deleted", true, "nothing of it is left"),
        new(Failpoint.IndexBegun, "index.begun", true, "an index is to be written"),
        new(Failpoint.IndexHalf, "index.half", true, "one of its two forms is there"),
        new(Failpoint.IndexWritten, "index.written", true, "both are"),
        new(Failpoint.UploadBegun, "upload.begun", true, "a block is to be brought to the object service"),
        new(Failpoint.UploadObject, "upload.object", true, "one of its objects is there"),
        new(Failpoint.UploadCopied, "upload.copied", true, "all are, readers see the local block"),
        new(Failpoint.UploadSwapped, "upload.swapped", false, "readers see the remote block"),
        new(Failpoint.UploadLocalObject, "upload.local_object", true, "one of the local objects is deleted"),
        new(Failpoint.DeletionNext, "deletion.next", true, "traces are to be deleted and nothing is noted"),
        new(Failpoint.DeletionNoted, "deletion.noted", false, "it is noted, readers still see them"),
        new(Failpoint.DeletionInForce, "deletion.in_force", false, "nobody is shown them"),
        new(Failpoint.DeletionFound, "deletion.found", true, "a block holds some and is to be written again"),
        new(Failpoint.QueueSegment, "queue.segment", false, "a segment of the queue was begun"),
        new(Failpoint.QueueAppended, "queue.appended", false, "a batch was appended, not durably"),
        new(Failpoint.QueueSynced, "queue.synced", false, "it is durable"),
        new(Failpoint.QueueSent, "queue.sent", false, "the receiver has it, which is not noted"),
        new(Failpoint.QueueAdvanced, "queue.advanced", false, "that it was sent is noted"),
    ];

    /// <summary>The one of this name; null if there is none.</summary>
    public static FailpointInfo? Find(string name) => All.FirstOrDefault(info => info.Name == name);
}
